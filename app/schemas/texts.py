"""The docstrings under the fields of a class, as descriptions in its JSON Schema.

Pydantic reads them when a class is made (`use_attribute_docstrings`), which costs every start of the command line a
tenth of a second and more than the classes themselves. Here they are read when a schema is asked for.
"""

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def field_texts(owner: type) -> Mapping[str, str]:
    """Field name and docstring, those of base classes among them; empty where no source is at hand."""
    texts: dict[str, str] = {}
    for kind in reversed(owner.__mro__):
        texts |= _module_texts(kind.__module__).get(kind.__qualname__, {})
    return texts


def describe_fields(owner: type, schema: dict[str, Any]) -> None:
    """Put the docstrings of `owner`'s fields into its object `schema`; a description that stands there stays."""
    properties = schema.get("properties", {})
    for name, text in field_texts(owner).items():
        if name in properties:
            properties[name].setdefault("description", text)


@cache
def _module_texts(name: str) -> Mapping[str, Mapping[str, str]]:
    """Docstrings of fields by class of one module of ours."""
    try:
        source = inspect.getsource(sys.modules[name])
    except (KeyError, OSError, TypeError):
        return {}
    return {node.name: _class_texts(node) for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def _class_texts(node: ast.ClassDef) -> Mapping[str, str]:
    texts = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                texts[name] = inspect.cleandoc(text)
    return texts
