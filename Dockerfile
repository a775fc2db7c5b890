FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/ocpp-trio \
    && /opt/ocpp-trio/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --home-dir /app --no-create-home ocpp \
    && install --directory --owner=ocpp --group=ocpp /app/data
COPY --from=build /opt/ocpp-trio /opt/ocpp-trio
COPY scripts/healthcheck.py /opt/ocpp-trio/healthcheck.py
ENV PATH=/opt/ocpp-trio/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OCPP_HOST=0.0.0.0 \
    DB_SQLITE_PATH=/app/data/ocpp_server.db
WORKDIR /app
USER 10001:10001
# A new named volume takes this directory's owner.
VOLUME /app/data
EXPOSE 9000 9001
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "/opt/ocpp-trio/healthcheck.py"]
ENTRYPOINT ["ocpp-trio"]
CMD ["serve"]
