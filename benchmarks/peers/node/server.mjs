// What a Node.js user would write: ocpp-rpc in strict mode (it validates every message) and
// better-sqlite3 with WAL, synchronous=FULL and a commit per message.
//
//     node server.mjs PORT DATABASE

import Database from "better-sqlite3";
import { RPCServer } from "ocpp-rpc";

const [port, path] = process.argv.slice(2);
const db = new Database(path);
db.exec(`
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, charge_point_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL, id_tag TEXT NOT NULL,
    meter_start INTEGER NOT NULL, start_timestamp TEXT NOT NULL,
    meter_stop INTEGER, stop_timestamp TEXT, reason TEXT);
CREATE TABLE meter_values (
    id INTEGER PRIMARY KEY, charge_point_id TEXT NOT NULL, connector_id INTEGER,
    transaction_id INTEGER, timestamp TEXT NOT NULL, value TEXT NOT NULL, measurand TEXT,
    unit TEXT, context TEXT, phase TEXT, location TEXT, format TEXT);
CREATE INDEX meter_values_by_transaction ON meter_values (transaction_id, timestamp);
`);

const insertMeterValue = db.prepare(
  `INSERT INTO meter_values (charge_point_id, connector_id, transaction_id, timestamp, value,
   measurand, unit, context, phase, location, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const insertStart = db.prepare(
  `INSERT INTO transactions (charge_point_id, connector_id, id_tag, meter_start, start_timestamp)
   VALUES (?, ?, ?, ?, ?)`,
);
const updateStop = db.prepare(
  "UPDATE transactions SET meter_stop = ?, stop_timestamp = ?, reason = ? WHERE id = ?",
);

function keep(identity, connectorId, transactionId, meterValues) {
  for (const { timestamp, sampledValue } of meterValues) {
    for (const { value, measurand, unit, context, phase, location, format } of sampledValue) {
      insertMeterValue.run(
        identity, connectorId, transactionId, timestamp, value,
        measurand, unit, context, phase, location, format,
      );
    }
  }
}

const storeMeterValues = db.transaction((identity, { connectorId, transactionId, meterValue }) => {
  keep(identity, connectorId, transactionId ?? null, meterValue);
});
const storeStop = db.transaction((identity, stop) => {
  updateStop.run(stop.meterStop, stop.timestamp, stop.reason ?? "Local", stop.transactionId);
  keep(identity, null, stop.transactionId, stop.transactionData ?? []);
});

const now = () => new Date().toISOString();
const idTagInfo = { status: "Accepted" };

const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: true });
server.on("client", (client) => {
  const { identity } = client;
  client.handle("BootNotification", () => ({
    status: "Accepted", interval: 300, currentTime: now(),
  }));
  client.handle("Heartbeat", () => ({ currentTime: now() }));
  client.handle("StatusNotification", () => ({}));
  client.handle("Authorize", () => ({ idTagInfo }));
  client.handle("StartTransaction", ({ params: start }) => {
    const { lastInsertRowid } = insertStart.run(
      identity, start.connectorId, start.idTag, start.meterStart, start.timestamp,
    );
    return { transactionId: Number(lastInsertRowid), idTagInfo };
  });
  client.handle("MeterValues", ({ params }) => {
    storeMeterValues(identity, params);
    return {};
  });
  client.handle("StopTransaction", ({ params }) => {
    storeStop(identity, params);
    return { idTagInfo };
  });
});

await server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
