"""`python -m tests.lint.openapi`: redocly and spectral find no error in the payment API's OpenAPI document."""

import json
import sys
import tempfile
from pathlib import Path

from core.api import description
from tests.api.openapi import tools


def main() -> int:
    if not tools.has_npm():
        print(tools.NO_NPM)
        return 0
    with tempfile.TemporaryDirectory(prefix="payops-openapi-") as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(description.document()))
        try:
            tools.run(tools.npm_tool("redocly", tools.LINT), "lint", "--config", tools.LINT / "redocly.yaml", document)
            tools.run(
                tools.npm_tool("spectral", tools.LINT), "lint", "--ruleset", tools.LINT / "spectral.json", document
            )
        except RuntimeError as error:
            print(error)
            return 1
    print("redocly and spectral find no error in the OpenAPI document.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
