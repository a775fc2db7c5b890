"""The settings of the certificate authority and of what it signs. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, kw_only=True)
class AuthoritySettings:
    """Durations are seconds."""

    ca: str = _var(
        "OCPP_CA",
        "auto",
        values.one_of("auto", "create", "off"),
        "certificate authority of our own: used if it is there, made at start if not, or neither",
    )
    ca_cert_file: str = _var(
        "OCPP_CA_CERT_FILE", "", values.text, "its certificate; empty: ca.pem beside the database"
    )
    ca_key_file: str = _var(
        "OCPP_CA_KEY_FILE",
        "",
        values.text,
        "its private key; empty: ca-key.pem beside the database",
    )
    sign_certificates: str = _var(
        "OCPP_SIGN_CERTIFICATES",
        "automatic",
        values.one_of("automatic", "manual"),
        "sign what charge points ask for by themselves, or when the API says so",
    )
    client_certificate_days: int = _var(
        "OCPP_CLIENT_CERTIFICATE_DAYS",
        "365",
        values.integer(1, 36_500),
        "days for which certificates of charge points are good",
    )
    signing_interval: float = _var(
        "OCPP_SIGNING_INTERVAL",
        "10",
        values.seconds(0.05, 86400),
        "between looks for requests that wait to be signed",
    )
    certificate_renewal: bool = _var(
        "OCPP_CERTIFICATE_RENEWAL",
        "true",
        values.boolean,
        "have charge points renew client certificates before they expire",
    )
    certificate_renewal_interval: float = _var(
        "OCPP_CERTIFICATE_RENEWAL_INTERVAL",
        "3600",
        values.seconds(0.05, 86400),
        "between looks for certificates that expire",
    )
    certificate_renewal_before: int = _var(
        "OCPP_CERTIFICATE_RENEWAL_BEFORE",
        "2592000",
        values.integer(0, 315_360_000),
        "a client certificate that expires sooner is to be renewed",
    )
    certificate_renewal_retry: float = _var(
        "OCPP_CERTIFICATE_RENEWAL_RETRY",
        "86400",
        values.seconds(0.05, 864_000),
        "a charge point is not told again for so long",
    )
