"""`python -m photostyle` and the `photostyle` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    # GNU's OpenMP lets threads spin while they wait for one another. Where another program has a
    # core, that takes the time of the thread they wait for. It reads this once, when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from photostyle.cli.app import INTERRUPTED, run

    code = run()
    if code == INTERRUPTED:
        # Everything is cleaned up. Where Ctrl-C met code that Python was making from text, as
        # imports do, Python would now die of the signal instead of exiting with this code.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
