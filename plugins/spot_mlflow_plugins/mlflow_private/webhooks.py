"""Posts JSON as MLflow posts its own webhooks: to public addresses alone, checked when connected.

MLflow's settings hold: ``MLFLOW_WEBHOOK_ALLOWED_SCHEMES`` (https), ``MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS``
(false), ``MLFLOW_WEBHOOK_REQUEST_TIMEOUT``.
"""

from __future__ import annotations

import json
from typing import Any


def post_json(url: str, body: Any) -> int:
    """Posts JSON and returns the HTTP status; redirects are not followed.

    Args:
        url: where; its host must resolve to public addresses only.
        body: JSON values.

    Raises:
        MlflowException: MLflow would not deliver to that address.
        requests.RequestException: nobody answered.
        OSError: the address turned out to be another one when it was connected to.
    """
    from mlflow.environment_variables import MLFLOW_WEBHOOK_REQUEST_TIMEOUT
    from mlflow.utils.validation import _validate_webhook_url
    from mlflow.webhooks.delivery import _create_webhook_session

    _validate_webhook_url(url)
    with _create_webhook_session() as session:
        answer = session.post(
            url,
            data=json.dumps(body, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
            timeout=MLFLOW_WEBHOOK_REQUEST_TIMEOUT.get(),
            allow_redirects=False,
        )
    return int(answer.status_code)
