"""`python -m photostyle` and the `photostyle` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from photostyle.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
