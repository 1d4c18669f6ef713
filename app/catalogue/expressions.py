"""The small language of `families.yaml`: sizes such as `q_size + 2 * kv_size`, conditions such as `not q_lora_rank`.

Whole numbers, names (dotted ones too), `+ * //`, comparisons, `and or not`, `always`. A name that an architecture
does not have counts as 0, so that a switch which a family lacks is off.
"""

import ast
from collections.abc import Callable, Mapping
from functools import cache

from app.errors import CatalogueError
from app.records import record

Names = Mapping[str, int]
Function = Callable[[Names], int]

_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Gt: lambda a, b: a > b,
}


@record
class Expression:
    """A size or condition; called with the sizes by name."""

    text: str | int

    def __call__(self, names: Names) -> int:
        return _function(self.text)(names)


@cache
def expression(text: str | int | bool, file: str = "families.yaml") -> Expression:
    """What `text` means, as a function of names. Raises CatalogueError when it is not of the small language."""
    made = Expression(int(text) if isinstance(text, int) else text)
    try:
        _function(made.text)
    except (SyntaxError, ValueError) as error:
        detail = f"Not a size or condition: {text!r} ({error})."
        raise CatalogueError(file, str(text), detail, "names, whole numbers, + * // == != > and or not.") from None
    return made


@cache
def _function(text: str | int) -> Function:
    """The function, made when it is first called. Raises SyntaxError and ValueError."""
    if isinstance(text, int):
        return _constant(text)
    return _built(ast.parse(text.strip(), mode="eval").body)


def names_in(text: str | int | bool) -> frozenset[str]:
    """The names that an expression reads, to be held against the names that exist."""
    if isinstance(text, int):
        return frozenset()
    found: set[str] = set()
    _collect(ast.parse(text.strip(), mode="eval").body, found)
    return frozenset(found)


def _collect(node: ast.AST, found: set[str]) -> None:
    if isinstance(node, ast.Name | ast.Attribute):
        found.add(ast.unparse(node))
        return
    for child in ast.iter_child_nodes(node):
        _collect(child, found)


def _constant(value: int) -> Function:
    return lambda _: value


def _built(node: ast.expr) -> Function:
    match node:
        case ast.Constant(value=int(value)):
            return _constant(value)
        case ast.Name(id="always"):
            return _constant(1)
        case ast.Name() | ast.Attribute():
            name = ast.unparse(node)
            return lambda names: names.get(name, 0)
        case ast.BinOp(op=operator) if type(operator) in _ARITHMETIC:
            return _of_two(_ARITHMETIC[type(operator)], _built(node.left), _built(node.right))
        case ast.Compare(ops=[operator], comparators=[right]) if type(operator) in _COMPARISONS:
            return _of_two(_COMPARISONS[type(operator)], _built(node.left), _built(right))
        case ast.UnaryOp(op=ast.Not()):
            inner = _built(node.operand)
            return lambda names: int(not inner(names))
        case ast.BoolOp(op=operator):
            parts = tuple(map(_built, node.values))
            wanted = any if isinstance(operator, ast.Or) else all
            return lambda names: int(wanted(part(names) for part in parts))
    raise ValueError(f"{ast.unparse(node)} is not allowed here")


def _of_two(operation: Callable[[int, int], int], left: Function, right: Function) -> Function:
    return lambda names: int(operation(left(names), right(names)))
