"""The harness that every learnrelay plugin must pass (docs/contract.md).

From the command line::

    learnrelay contract-test acme.poll

In a package's own test-suite, either of::

    from learnrelay_contract_tests import ContractTests, contract

    class TestContract(ContractTests):
        plugins = ["acme.poll"]

    test_contract = contract("acme.poll")
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

__version__ = "0.2.0"

__all__ = ["ContractTests", "contract"]

WRITTEN: list[type[ContractTests]] = []
"""Every contract class that was defined: the pytest plugin asks at the end of the session what became of it."""


class ContractTests:
    """All checks of installed plugins as tests: subclass it and name the entry points (globs too).

    The tests only ask for the verdict of another process; nothing that stands in the class, in a conftest or in a
    fixture has an influence on it, and a session in which one of them did not run and pass is not green.
    """

    plugins: ClassVar[Sequence[str]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        """Remember the class."""
        super().__init_subclass__(**more)
        WRITTEN.append(cls)

    def test_contract(self) -> None:
        """Only reached where the pytest plugin is switched off."""
        raise AssertionError("the pytest plugin learnrelay-contract is switched off: the contract was not checked")


def contract(*plugins: str) -> type[ContractTests]:
    """Make a contract class in one line, to be called ``test_contract``, ``TestContract`` or alike."""
    # as a class statement would say it: at the end of a session the class is looked for in its module
    module = sys._getframe(1).f_globals["__name__"]
    return type("TestContract", (ContractTests,), {"plugins": plugins, "__module__": module})
