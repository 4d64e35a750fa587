"""``python -m legmon.web.schema``: prints the OpenAPI description that the dashboard's types are made from."""

import json
import tempfile
from pathlib import Path

from legmon.catalog.store import Catalog
from legmon.web.app import create_app


def schema() -> str:
    """Return the description as it is committed in ``dashboard/openapi.json``."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder))
        described = create_app(catalog, 0).openapi()
        catalog.close()
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
