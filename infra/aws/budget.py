"""A budget: who gets an e-mail when the platform costs more than was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import budgets

if TYPE_CHECKING:
    from collections.abc import Sequence

_WARN, _FULL = 80, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformBudgetArgs:
    """What a budget is.

    Attributes:
        dollars: US dollars a month.
        emails: who gets an e-mail at 80 % of it, and when 100 % are foreseen.
        tag: key and value of the tag by which costs are the platform's.
    """

    dollars: int
    emails: Sequence[str]
    tag: tuple[str, str]


class PlatformBudget(pulumi.ComponentResource):
    """A budget of a month."""

    def __init__(
        self, name: str, args: PlatformBudgetArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the budget."""
        super().__init__("atlas:aws:Budget", name, None, opts)
        told = (("ACTUAL", _WARN), ("FORECASTED", _FULL))
        key, value = args.tag
        budgets.Budget(
            name,
            budget_type="COST",
            limit_amount=str(args.dollars),
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[
                budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{key}${value}"])
            ],
            notifications=[
                budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=threshold,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(args.emails),
                )
                for kind, threshold in told
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
