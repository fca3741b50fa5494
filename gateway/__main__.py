"""`python -m gateway` is `seekgate`. Knows nothing else."""

from gateway.cli import main

if __name__ == "__main__":
    main()
