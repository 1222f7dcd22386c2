"""What users say of a table of their own."""

from plait.data.base import SourceSettings
from plait.data.reading import TextFormat
from plait.settings import setting


class UserTable(SourceSettings):
    """How its values are written, and where it comes from."""

    date_format: str | None = setting("format of dates, in strptime's notation; null: ISO 8601")
    format: TextFormat = setting("notation of a text file, and of numbers that are texts")
    origin: str | None = setting("origin of the data, for the report")
    licence: str | None = setting("licence of the data, for the report")

    def provenance(self, name: str, file: str) -> dict[str, str]:
        """For ``dataset.json``: the name of the table, its origin and where it was read."""
        return {"name": name, "origin": self.origin or "not stated", "file": file}
