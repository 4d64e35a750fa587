"""The route of the audit under ``/api/v1``: what somebody did, when, and by which kind of client."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from legmon.messages import EVENT_SENTENCES, Event
from legmon.web.audit import Audit, Client
from legmon.web.dependencies import PROBLEMS
from legmon.web.models_evening import Frozen

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


class AuditEntry(Frozen):
    """One thing that somebody did."""

    at: float
    event: Event
    sentence: str
    client: Client | None = Field(
        description="a browser that was let in, a program with the token, or the command line"
    )
    night: str | None


class AuditPage(Frozen):
    """The newest entries of the audit, the newest first."""

    entries: list[AuditEntry]


@router.get("/audit", operation_id="getAudit")
def get_audit(request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> AuditPage:
    """Return what somebody did, the newest first. It holds no contents, and old entries are dropped."""
    audit: Audit = request.app.state.audit
    return AuditPage(
        entries=[
            AuditEntry(
                at=entry.at,
                event=entry.event,
                sentence=EVENT_SENTENCES[entry.event],
                client=entry.client,
                night=entry.night,
            )
            for entry in audit.newest(limit)
        ]
    )
