"""Runs ``python -m learnrelay_contract_tests NAMES``."""

from .cli import main

if __name__ == "__main__":
    main()
