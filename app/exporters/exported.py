"""What an exporter makes."""

from app.records import record

JSON = "application/json"
YAML = "application/yaml"
PYTHON = "text/x-python"
MARKDOWN = "text/markdown"


@record(kw_only=True)
class Exported:
    """A file for another tool."""

    text: str
    media_type: str
    file_name: str
