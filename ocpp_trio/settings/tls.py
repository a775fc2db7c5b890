"""The settings of TLS and certificates. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """Durations are seconds."""

    use_tls: bool = _var("OCPP_USE_TLS", "false", values.boolean, "serve wss and https")
    cert_file: str = _var(
        "OCPP_CERT_FILE", "cert.pem", values.required, "TLS certificate chain, PEM"
    )
    key_file: str = _var("OCPP_KEY_FILE", "key.pem", values.required, "TLS private key, PEM")
    second_cert_file: str = _var(
        "OCPP_SECOND_CERT_FILE",
        "",
        values.text,
        "second certificate for charge points, of the other kind of key (RSA, elliptic curve)",
    )
    second_key_file: str = _var(
        "OCPP_SECOND_KEY_FILE", "", values.text, "private key of the second certificate"
    )
    wss_port: int | None = _var(
        "OCPP_WSS_PORT",
        "",
        values.optional(values.port),
        "one more port for charge points, always with TLS; empty: none",
    )
    api_use_tls: bool | None = _var(
        "OCPP_API_USE_TLS",
        "",
        values.optional(values.boolean),
        "serve https; empty: as OCPP_USE_TLS says",
    )
    api_cert_file: str = _var(
        "OCPP_API_CERT_FILE", "", values.text, "certificate of the API; empty: OCPP_CERT_FILE"
    )
    api_key_file: str = _var(
        "OCPP_API_KEY_FILE", "", values.text, "private key of the API; empty: OCPP_KEY_FILE"
    )
    tls_legacy: bool = _var(
        "OCPP_TLS_LEGACY",
        "false",
        values.boolean,
        "let charge points use the two TLS_RSA cipher suites too, which have no forward secrecy",
    )
    client_certificates: str = _var(
        "OCPP_CLIENT_CERTIFICATES",
        "optional",
        values.one_of("off", "optional", "required"),
        "whether charge points are asked for a certificate (security profile 3)",
    )
    client_ca_file: str = _var(
        "OCPP_CLIENT_CA_FILE",
        "",
        values.text,
        "CA certificates, PEM, whose client certificates are taken, beside the local authority's",
    )
    cpo_name: tuple[str, ...] = _var(
        "OCPP_CPO_NAME",
        "",
        values.names,
        "organizations that client certificates may be made out to, separated by ; (empty: any)",
    )
    tls_reload_interval: float = _var(
        "OCPP_TLS_RELOAD_INTERVAL",
        "30",
        values.seconds(0.05, 86400),
        "between looks whether certificate files have changed",
    )
    certificate_warning: int = _var(
        "OCPP_CERTIFICATE_WARNING",
        "2592000",
        values.integer(0, 31_536_000),
        "a server certificate that expires sooner is warned about, daily",
    )
