"""Checks the constants that mappings declare against those of their standard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..config.fields import did_you_mean
from ..errors import PluginError
from ..mapping import Transformer
from ..standards import Constant


def check_constants(transformer: Transformer, constants: Mapping[str, Constant]) -> None:
    """Checks one mapping. Raises PluginError with all mistakes, file, line and cure."""
    if causes := list(_find_causes(transformer, constants)):
        needed = ", ".join(name if constant.required else f"{name} (optional)" for name, constant in constants.items())
        raise transformer_error(transformer, "; ".join(causes), f"{transformer.standard} takes {needed}")


def transformer_error(transformer: Transformer, cause: str, fix: str) -> PluginError:
    """Returns the error of a mapping that cannot be used."""
    place = f" ({transformer.place})" if transformer.place else ""
    return PluginError(transformer.name, transformer.origin, f"{cause}{place}", fix)


def _find_causes(transformer: Transformer, constants: Mapping[str, Constant]) -> Iterator[str]:
    declared = transformer.constants
    for name in sorted(declared.keys() - constants.keys()):
        yield f"unknown constant {name}{did_you_mean(name, list(constants))}"
    for name, constant in constants.items():
        if name not in declared:
            if constant.required:
                yield f"the constant {name} is missing"
        elif not constant.takes(declared[name]):
            yield f"{name}: expected {constant.kind.__name__}, found {type(declared[name]).__name__}"
