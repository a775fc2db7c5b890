"""The whole URL map."""

from __future__ import annotations

from collections.abc import Mapping

from ocpp_trio.api import (
    admin,
    authorizations,
    charge_points,
    command_batches,
    command_log,
    commands,
    configuration,
    connectors,
    docs,
    logs,
    remote,
    reports,
    status,
    transactions,
    triggers,
)
from ocpp_trio.api.operation import Operation

ROUTES: Mapping[str, Mapping[str, Operation]] = {
    "/api/status": {"GET": status.read_status},
    "/api/charge-points": {
        "GET": charge_points.list_charge_points,
        "POST": charge_points.register_charge_point,
    },
    "/api/charge-points/{id}": {
        "GET": charge_points.read_charge_point,
        "PATCH": charge_points.change_charge_point,
        "DELETE": charge_points.delete_charge_point,
    },
    "/api/charge-points/{id}/adopt": {"POST": charge_points.adopt_charge_point},
    "/api/charge-points/{id}/block": {"POST": charge_points.block_charge_point},
    "/api/connectors": {"GET": connectors.list_connectors},
    "/api/transactions": {"GET": transactions.list_transactions},
    "/api/logs": {"GET": logs.list_logs},
    "/api/authorizations": {
        "GET": authorizations.list_authorizations,
        "POST": authorizations.put_authorization,
        "DELETE": authorizations.delete_authorization,
    },
    "/api/commands/remote-start": {"POST": remote.remote_start},
    "/api/commands/remote-stop": {"POST": remote.remote_stop},
    "/api/commands/reset": {"POST": commands.reset},
    "/api/commands/unlock-connector": {"POST": commands.unlock_connector},
    "/api/commands/get-configuration": {
        "GET": configuration.get_configuration,
        "POST": configuration.post_get_configuration,
    },
    "/api/commands/change-configuration": {"POST": configuration.change_configuration},
    "/api/commands/clear-cache": {"POST": commands.clear_cache},
    "/api/commands/change-availability": {"POST": commands.change_availability},
    "/api/commands/data-transfer": {"POST": commands.data_transfer},
    "/api/commands/trigger-message": {"POST": triggers.trigger_message},
    "/api/commands/extended-trigger-message": {"POST": triggers.extended_trigger_message},
    "/api/commands/generic": {"POST": commands.generic},
    "/api/commands": {"GET": command_log.list_commands},
    "/api/commands/{id}": {"GET": command_log.read_command},
    "/api/commands/{id}/cancel": {"POST": command_log.cancel_command},
    "/api/command-batches": {
        "GET": command_batches.list_batches,
        "POST": command_batches.create_batch,
    },
    "/api/command-batches/{id}": {"GET": command_batches.read_batch},
    "/api/command-batches/{id}/cancel": {"POST": command_batches.cancel_batch},
    "/api/admin/close-transaction": {"POST": admin.close_transaction},
    "/api/reports/energy": {"GET": reports.report_energy},
    "/healthz": {"GET": status.read_health},
    "/readyz": {"GET": status.read_readiness},
    "/openapi.json": {"GET": docs.read_openapi},
    "/docs": {"GET": docs.read_docs},
}
