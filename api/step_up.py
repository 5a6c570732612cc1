"""Routes about step-ups, and what lets a route destroy something."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request

from api.gate import STEP_UP, Caller
from api.step_up_documents import ApproveBody, AskBody, ConfirmBody, StepUpDocument, StepUpsDocument
from strongroom.access.principals import Principal
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import StepUps, ask, cancel, list_challenges
from strongroom.stepup.confirming import approve, confirm
from strongroom.stepup.spending import permitted

router = APIRouter(prefix="/step-up/challenges", tags=["step-up"])


async def get_step_ups(request: Request) -> StepUps:
    """Return what step-ups of this application work with."""
    means: StepUps = request.app.state.step_ups
    return means


AtStepUps = Annotated[StepUps, Depends(get_step_ups)]


@dataclass(frozen=True, slots=True)
class Permits:
    """Lets whoever sent the request do what its step-up is for."""

    means: StepUps
    principal: Principal
    reference: str | None

    def permit(self, act: Act, *, needed: bool = True) -> AbstractContextManager[None]:
        """Return the block in which the act may happen; raises there as `permitted` does."""
        return permitted(self.means, self.principal, act, self.reference) if needed else nullcontext()


async def get_permits(
    means: AtStepUps,
    caller: Caller,
    reference: Annotated[
        str | None, Header(alias=STEP_UP, description="The id of a confirmed step-up for exactly this act.")
    ] = None,
) -> Permits:
    """Return what lets a request destroy something."""
    return Permits(means, caller, reference)


AtPermits = Annotated[Permits, Depends(get_permits)]


@router.post("", status_code=201)
def ask_for(means: AtStepUps, caller: Caller, body: AskBody) -> StepUpDocument:
    """Begin a step-up for one act; it waits two minutes for a code."""
    return StepUpDocument.of(ask(means, caller, Act(body.verb, body.target, body.subject)))


@router.get("")
def show_open(means: AtStepUps) -> StepUpsDocument:
    """List the step-ups that are open, newest first: what a second person looks at."""
    return StepUpsDocument(items=[StepUpDocument.of(one) for one in list_challenges(means)])


@router.post("/{challenge}/confirm")
def confirm_one(means: AtStepUps, caller: Caller, challenge: str, body: ConfirmBody) -> StepUpDocument:
    """Confirm one's own step-up with a fresh code and the typed name of the target; it is good for two minutes."""
    return StepUpDocument.of(confirm(means, caller, challenge, code=body.code.get_secret_value(), typed=body.typed))


@router.post("/{challenge}/approve")
def approve_one(means: AtStepUps, caller: Caller, challenge: str, body: ApproveBody) -> StepUpDocument:
    """Approve another operator's step-up with a code of one's own."""
    return StepUpDocument.of(approve(means, caller, challenge, code=body.code.get_secret_value()))


@router.post("/{challenge}/cancel")
def cancel_one(means: AtStepUps, caller: Caller, challenge: str) -> StepUpDocument:
    """End a step-up before it is used, whoever asked for it."""
    return StepUpDocument.of(cancel(means, caller, challenge))
