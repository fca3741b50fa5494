"""`python -m gateway` is `seekgate`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
