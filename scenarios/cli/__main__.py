"""``python -m redrive.scenarios.cli`` is ``redrive``."""

from . import main

if __name__ == "__main__":
    main()
