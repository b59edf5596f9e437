"""The command line: one file a command, `app` with the only error boundary."""
