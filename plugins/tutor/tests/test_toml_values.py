"""Values of ``config.yml`` as TOML: what is written is read back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay_tutor.toml_values import to_key, to_toml

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_any_value_is_read_back(value: Any) -> None:
    assert tomllib.loads(f"key = {to_toml(value)}") == {"key": value}


@given(texts)
def test_any_name_of_a_table_is_read_back(name: str) -> None:
    assert tomllib.loads(f"[destinations.{to_key(name)}]") == {"destinations": {name: {}}}


def test_a_value_that_toml_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="TOML has no value for null"):
        to_toml({"auth": [{"password": None}]})
    with pytest.raises(ValueError, match="for a bytes"):
        to_toml(b"secret")
