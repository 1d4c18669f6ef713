"""Any Hugging Face `config.json` -> Architecture."""

from collections.abc import Mapping

from app.schemas.architecture import Architecture


def read_architecture(
    config: Mapping[str, object], pointer: str = "/architecture"
) -> tuple[Architecture, tuple[str, ...]]:
    """The architecture that a `config.json` describes, and warnings about what had to be assumed.

    Errors: InputError with pointers under `pointer` for a field that is missing, of a wrong type, or absurd.
    """
    raise NotImplementedError
