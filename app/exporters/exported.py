"""What an exporter makes."""

from dataclasses import dataclass

JSON = "application/json"
YAML = "application/yaml"
PYTHON = "text/x-python"
MARKDOWN = "text/markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file for another tool."""

    text: str
    media_type: str
    file_name: str
