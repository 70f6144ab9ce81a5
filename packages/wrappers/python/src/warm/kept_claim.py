"""The claim of a container whose process starts again."""

from __future__ import annotations

import json
import os
import sys

from ..options import ENVIRONMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .claim import Claim

# Variable with the path of the file that keeps the claim; the function does not see its folder.
CLAIM_FILE = "FAAS_CLAIM_FILE"
# Variables that the function does not see.
WARM_VARIABLES = ("FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256", CLAIM_FILE)


def set_variables(variables: dict[str, str]) -> None:
    """Set the variables of a claim, in place of those of the warm mode. Raises ValueError for a text that the system cannot have."""
    for name in WARM_VARIABLES:
        ENVIRONMENT.pop(name, None)
    ENVIRONMENT.update(variables)


def keep_claim(path: str, claim: Claim) -> None:
    """Keep a claim whose files are written. Without it, a process that starts again waits for another claim."""
    partial = f"{path}.partial"
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"folder": claim.folder, "env": claim.env}, file)
        os.replace(partial, path)
    except OSError as error:
        sys.stderr.write(f"Cannot keep the claim for a restart: {error.strerror}\n")


def resume_claim() -> str | None:
    """Set the variables of the claim that an earlier process of this container has kept. Gives its folder, or None if there was none."""
    try:
        with open(ENVIRONMENT[CLAIM_FILE], encoding="utf-8") as file:
            claim = json.load(file)
    except (KeyError, OSError, ValueError):
        return None
    set_variables(claim["env"])
    folder: str = claim["folder"]
    os.chdir(folder)
    return folder
