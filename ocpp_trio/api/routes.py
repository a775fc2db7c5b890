"""The whole URL map."""

from __future__ import annotations

from collections.abc import Mapping

from ocpp_trio.api import (
    admin,
    authorizations,
    certificates,
    charge_points,
    command_log,
    commands,
    configuration,
    connectors,
    docs,
    jobs,
    known_configuration,
    logs,
    notices,
    registration,
    remote_starts,
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
    "/api/charge-points/{id}/adopt": {"POST": registration.adopt_charge_point},
    "/api/charge-points/{id}/block": {"POST": registration.block_charge_point},
    "/api/charge-points/{id}/configuration": {"GET": known_configuration.list_configuration},
    "/api/configuration-changes": {"GET": known_configuration.list_configuration_changes},
    "/api/connectors": {"GET": connectors.list_connectors},
    "/api/transactions": {"GET": transactions.list_transactions},
    "/api/remote-starts": {"GET": remote_starts.list_remote_starts},
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
    "/api/commands/get-diagnostics": {"POST": jobs.get_diagnostics},
    "/api/commands/update-firmware": {"POST": jobs.update_firmware},
    "/api/commands/get-log": {"POST": jobs.get_log},
    "/api/commands/signed-update-firmware": {"POST": jobs.signed_update_firmware},
    "/api/commands/install-certificate": {"POST": certificates.install_certificate},
    "/api/commands/delete-certificate": {"POST": certificates.delete_certificate},
    "/api/commands/get-installed-certificate-ids": {
        "POST": certificates.get_installed_certificate_ids
    },
    "/api/commands/certificate-signed": {"POST": certificates.certificate_signed},
    "/api/commands/generic": {"POST": commands.generic},
    "/api/commands/{id}": {"GET": command_log.read_command},
    "/api/jobs": {"GET": jobs.list_jobs},
    "/api/jobs/{id}": {"GET": jobs.read_job},
    "/api/certificates": {"GET": certificates.list_certificates},
    "/api/certificate-requests": {"GET": certificates.list_certificate_requests},
    "/api/security-events": {"GET": notices.list_security_events},
    "/api/data-transfers": {"GET": notices.list_data_transfers},
    "/api/admin/close-transaction": {"POST": admin.close_transaction},
    "/api/reports/energy": {"GET": reports.report_energy},
    "/healthz": {"GET": status.read_health},
    "/readyz": {"GET": status.read_readiness},
    "/openapi.json": {"GET": docs.read_openapi},
    "/docs": {"GET": docs.read_docs},
}
