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
KEPT_CLAIM = "FAAS_CLAIM_FILE"


def keep_claim(claim: Claim) -> None:
    """Keep a claim whose files are written. Without it, a process that starts again waits for another claim."""
    path = ENVIRONMENT.pop(KEPT_CLAIM, None)
    if not path:
        return
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
        with open(ENVIRONMENT[KEPT_CLAIM], encoding="utf-8") as file:
            claim = json.load(file)
    except (KeyError, OSError, ValueError):
        return None
    for name in ("FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256", KEPT_CLAIM):
        ENVIRONMENT.pop(name, None)
    ENVIRONMENT.update(claim["env"])
    os.chdir(claim["folder"])
    folder: str = claim["folder"]
    return folder
