"""The whole URL map."""

from __future__ import annotations

from collections.abc import Mapping

from ocpp_trio.api import (
    admin,
    authorizations,
    charge_points,
    command_log,
    commands,
    configuration,
    connectors,
    docs,
    logs,
    meter_values,
    reports,
    status,
    transactions,
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
    "/api/transactions/{id}": {"GET": transactions.read_transaction},
    "/api/meter-values": {"GET": meter_values.list_meter_values},
    "/api/logs": {"GET": logs.list_logs},
    "/api/authorizations": {
        "GET": authorizations.list_authorizations,
        "POST": authorizations.put_authorization,
        "DELETE": authorizations.delete_authorization,
    },
    "/api/commands/remote-start": {"POST": commands.remote_start},
    "/api/commands/remote-stop": {"POST": commands.remote_stop},
    "/api/commands/reset": {"POST": commands.reset},
    "/api/commands/unlock-connector": {"POST": commands.unlock_connector},
    "/api/commands/get-configuration": {
        "GET": configuration.get_configuration,
        "POST": configuration.post_get_configuration,
    },
    "/api/commands/change-configuration": {"POST": configuration.change_configuration},
    "/api/commands/clear-cache": {"POST": commands.clear_cache},
    "/api/commands/trigger-message": {"POST": commands.trigger_message},
    "/api/commands/generic": {"POST": commands.generic},
    "/api/commands/{id}": {"GET": command_log.read_command},
    "/api/admin/close-transaction": {"POST": admin.close_transaction},
    "/api/reports/energy": {"GET": reports.report_energy},
    "/healthz": {"GET": status.read_health},
    "/readyz": {"GET": status.read_readiness},
    "/openapi.json": {"GET": docs.read_openapi},
    "/docs": {"GET": docs.read_docs},
}
