"""What AWS's clients raise, as this project's errors, in one table. Nobody outside this folder sees
botocore.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from mmm.errors import NotFound, UserError

#: Codes of the services' answers, what a user sees instead, and what to do about it.
_CODES: tuple[tuple[frozenset[str], type[UserError], str, str], ...] = (
    (
        frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}),
        UserError,
        "AWS does not allow {action}.",
        "Give the role or user in use the permission {action} (docs/aws.md lists them all).",
    ),
    (
        frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"}),
        UserError,
        "the AWS credentials have expired.",
        "Sign in to AWS again (`aws sso login`) or set new keys.",
    ),
    (
        frozenset(
            {
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "InvalidAccessKeyId",
                "AuthFailure",
            }
            | {
                "SignatureDoesNotMatch",
                "InvalidSignatureException",
                "IncompleteSignature",
                "InvalidToken",
            }
        ),
        UserError,
        "AWS does not accept the credentials ({code}).",
        "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    ),
    (
        frozenset(
            {
                "Throttling",
                "ThrottlingException",
                "TooManyRequestsException",
                "RequestLimitExceeded",
                "503",
                "500",
            }
            | {
                "LimitExceededException",
                "ServerException",
                "InternalServiceError",
                "InternalFailure",
            }
            | {"ServiceUnavailable", "ServiceUnavailableException"}
        ),
        UserError,
        "AWS is busy and did not do {action} ({code}: {message}).",
        "Try again in a few minutes.",
    ),
    (frozenset({"ResourceNotFoundException"}), NotFound, "does not exist on AWS.", ""),
    (
        frozenset({"ClusterNotFoundException"}),
        NotFound,
        "there is no such ECS cluster.",
        "Check ECS_CLUSTER and AWS_REGION.",
    ),
)
#: The same for what goes wrong before there is an answer. The first match counts.
_CLASSES: tuple[tuple[tuple[type[BotoCoreError], ...], str, str], ...] = (
    (
        (
            boto.NoCredentialsError,
            boto.PartialCredentialsError,
            boto.CredentialRetrievalError,
            boto.NoAuthTokenError,
        ),
        "there are no AWS credentials ({reason}).",
        "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; on AWS give the task a role.",
    ),
    ((boto.ProfileNotFound,), "{reason}.", "Check AWS_PROFILE and ~/.aws/config."),
    (
        (boto.SSOError, boto.TokenRetrievalError, boto.LoginError),
        "the sign-in to AWS has ended ({reason}).",
        "Sign in to AWS again (`aws sso login`).",
    ),
    ((boto.NoRegionError,), "the AWS region is not known.", "Set AWS_REGION."),
    (
        (boto.HTTPClientError, boto.ConnectionError, boto.ConnectionClosedError),
        "AWS cannot be reached ({reason}).",
        "Check the network, AWS_REGION and AWS_ENDPOINT_URL.",
    ),
    ((BotoCoreError,), "the AWS client failed: {reason}.", ""),
)

#: Codes of answers that another try may not get: throttling, AWS's own failures, limits on what
#: goes on at once, credentials that somebody renews.
_PASSING = frozenset(
    {
        *("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"),
        *("LimitExceededException", "ServerException", "InternalServiceError", "InternalFailure"),
        *("ServiceUnavailable", "ServiceUnavailableException", "503", "500"),
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
    }
)
#: AWS tells Fargate's quotas by a sentence, under codes that mean other things too.
_QUOTA = re.compile(
    r"reached the limit on the number of|limit.*\bvCPU|vCPU.*\blimit", re.IGNORECASE
)
#: Before a connection stood nothing can have been asked of AWS.
_UNSENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError)
_SIGNED_OUT = (boto.SSOError, boto.TokenRetrievalError, boto.LoginError)


def may_pass(error: UserError) -> bool:
    """Whether what AWS refused, told by `aws_errors`, did nothing and may work at a later time."""
    cause = error.__cause__
    if isinstance(cause, ClientError):
        message = str(cause.response.get("Error", {}).get("Message", ""))
        return error_code(cause) in _PASSING or is_quota(message)
    return isinstance(cause, (*_UNSENT, *_SIGNED_OUT))


def is_quota(message: str) -> bool:
    """Whether AWS's sentence says that an account's quota is used up."""
    return _QUOTA.search(message) is not None


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Turn whatever AWS's clients raise in the block into a UserError about `where`."""
    try:
        yield
    except ClientError as error:
        raise _answered(error, where) from error
    except BotoCoreError as error:
        what, fix = next(row[1:] for row in _CLASSES if isinstance(error, row[0]))
        raise UserError(what.format(reason=str(error).rstrip(".")), where=where, fix=fix) from error


def _answered(error: ClientError, where: str) -> UserError:
    # Whoever stands before AWS (a proxy) may answer with a page: its first line must do.
    code, message = (
        error_code(error),
        str(error.response.get("Error", {}).get("Message", "")).partition("\n")[0].rstrip("."),
    )
    facts = {"code": code, "message": message, "action": _action(error, message)}
    for codes, own, what, fix in _CODES:
        if code in codes:
            return own(what.format(**facts), where=where, fix=fix.format(**facts))
    return UserError("AWS refused {action}: {message} ({code}).".format(**facts), where=where)


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _action(error: ClientError, message: str) -> str:
    """The missing permission. AWS names it in its message, and it may be another than the call's
    (iam:PassRole).
    """
    named = re.search(r"not authorized to perform: ([\w-]+:\w+)", message)
    return named.group(1) if named else error.operation_name
