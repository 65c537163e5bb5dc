"""Provides the contract tests that every learnrelay plugin must pass (docs/contract.md).

From the command line::

    learnrelay contract-test acme.poll

In a package's own test suite, either of::

    from learnrelay_contract_tests import ContractTests, contract

    class TestContract(ContractTests):
        plugins = ["acme.poll"]

    test_contract = contract("acme.poll")

`registered` makes plugins known to a test that are not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .registration import registered

__version__ = "0.2.0"

__all__ = ["ContractTests", "contract", "registered"]


def __getattr__(name: str) -> Any:
    """Imports `registered`, and with it the core, where it is used: pytest loads this package in every session."""
    if name == "registered":
        from .registration import registered

        return registered
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


CONTRACT_CLASSES: list[type[ContractTests]] = []
"""Every contract class that was defined. At the end of a session the pytest plugin checks that each of them passed."""


class ContractTests:
    """Runs all checks of installed plugins as tests: subclass it and name the entry points (globs too).

    The tests only read the report of another process. Nothing in the class, a conftest or a fixture influences it,
    and a session in which one of the tests did not run and pass fails.
    """

    plugins: ClassVar[Sequence[str]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        """Registers the class."""
        super().__init_subclass__(**more)
        CONTRACT_CLASSES.append(cls)

    def test_contract(self) -> None:
        """Fails, because this method runs only where the pytest plugin is disabled."""
        raise AssertionError("the pytest plugin learnrelay-contract is switched off: the contract was not checked")


def contract(*plugins: str) -> type[ContractTests]:
    """Builds a contract class in one line, to be assigned to ``test_contract``, ``TestContract`` or alike."""
    # set as by a class statement: at the end of a session the class is looked up in its module
    module = sys._getframe(1).f_globals["__name__"]
    return type("TestContract", (ContractTests,), {"plugins": plugins, "__module__": module})
