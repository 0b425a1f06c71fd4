"""Policies about who may do what on AWS: K006 and K009 in the documents of IAM, S3, KMS and ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.policies.account_rules import listed, statements
from atlas.policies.resource import mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_OF_ROLES = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
_EVERYTHING = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
_DOCUMENTS = ("policy", "assumeRolePolicy", "repositoryPolicy")


def right_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K009 for a role or user that may do everything, in all or in a service."""
    if resource.type in _OF_ROLES:
        for number, one in enumerate(statements(resource.inputs.get("policy"))):
            wide = [action for action in listed(one.get("Action")) if _is_wide(action)]
            if one.get("Effect") == "Allow" and wide and "*" in listed(one.get("Resource")):
                yield resource.problem(
                    "K009",
                    f"policy.Statement.{number}",
                    f"everything may be done to everything ({', '.join(wide)})",
                    found=", ".join(wide),
                    expected="the actions and resources that are needed, by name",
                )
    arn = str(resource.inputs.get("policyArn") or "")
    if resource.type.startswith("aws:iam/") and arn.rpartition("/")[2] in _EVERYTHING:
        yield resource.problem(
            "K009", "policyArn", f"everything may be done ({arn})", found=arn, expected="a policy "
            "of its own",
        )  # fmt: skip


def _is_wide(action: str) -> bool:
    """Tell whether an action is all of a service, or of all services."""
    return action == "*" or action.endswith(":*")


def everybody_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K006 for a document by which everybody may do something, on no condition."""
    if not resource.type.startswith("aws:"):
        return
    for key in _DOCUMENTS:
        for number, one in enumerate(statements(resource.inputs.get(key))):
            is_open = one.get("Effect") == "Allow" and not one.get("Condition")
            if is_open and _is_everybody(one.get("Principal")):
                yield resource.problem(
                    "K006",
                    f"{key}.Statement.{number}.Principal",
                    "everybody with an account of AWS, or without, may do it (*)",
                    found="*",
                    expected="accounts or roles, or a condition",
                )


def _is_everybody(principal: Any) -> bool:
    """Tell whether a principal is everybody."""
    return principal == "*" or "*" in listed(mapping(principal).get("AWS"))


def _rights(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K009, for what is on AWS alone."""
    if not resource.is_object:
        yield from right_problems(resource)


RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {
    "K006": everybody_problems,
    "K009": _rights,
}
