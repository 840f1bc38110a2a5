"""`python -m redrive.load`: a load run against a local queue, with its account."""

from .run import main

if __name__ == "__main__":
    main()
