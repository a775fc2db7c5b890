// A charge point written with ocpp-rpc in strict mode: every frame, in both directions, must follow
// the schemas, or the client ends with an error.
//
//     node client.mjs ws://127.0.0.1:9000 CP001 < settings
//
// What it plays: see tests/acceptance/every_command.py. It ends with `done <transactionId>`, or with
// a line that begins with `fatal`.

import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RPCClient } from 'ocpp-rpc';

const LIMIT_MS = 60_000;
const CONNECTOR = 1;

const [endpoint, identity] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { answers, followUps } = JSON.parse((await lines.next()).value);

function fatal(what, error) {
  console.log(`fatal ${what}: ${error?.stack ?? error} ${JSON.stringify(error?.details ?? {})}`);
  process.exit(1);
}
process.on('unhandledRejection', (error) => fatal('rejection', error));

const client = new RPCClient({
  endpoint,
  identity,
  protocols: ['ocpp1.6'],
  strictMode: true,
  reconnect: false,
  maxBadMessages: 0,
});
client.on('strictValidationFailure', ({ error }) => fatal('strict validation', error));
client.on('badMessage', ({ error, buffer }) => fatal(`bad message ${buffer}`, error));

let meter = 1000;
let transactionId = 0;
let idTag = '';
const now = () => new Date().toISOString();
const report = (status) =>
  client.call('StatusNotification', { connectorId: CONNECTOR, errorCode: 'NoError', status });

async function boot() {
  const answer = await client.call('BootNotification', {
    chargePointVendor: 'ocpp-rpc',
    chargePointModel: 'Strict',
  });
  if (answer.status !== 'Accepted') throw new Error(`boot ${answer.status}`);
  await report('Available');
  await client.call('Heartbeat', {});
}

async function begin({ idTag: tag }) {
  idTag = tag;
  await report('Preparing');
  await client.call('Authorize', { idTag });
  const answer = await client.call('StartTransaction', {
    connectorId: CONNECTOR,
    idTag,
    meterStart: meter,
    timestamp: now(),
  });
  if (answer.idTagInfo.status !== 'Accepted') throw new Error(answer.idTagInfo.status);
  transactionId = answer.transactionId;
  await report('Charging');
  for (let round = 0; round < 3; round += 1) {
    meter += 250;
    const sampledValue = [
      { value: String(meter), unit: 'Wh' },
      { value: '230.1', unit: 'V', measurand: 'Voltage' },
    ];
    await client.call('MeterValues', {
      connectorId: CONNECTOR,
      transactionId,
      meterValue: [{ timestamp: now(), sampledValue }],
    });
  }
}

async function finish(request) {
  if (request.transactionId !== transactionId) throw new Error('not my transaction');
  await client.call('StopTransaction', {
    transactionId,
    meterStop: meter,
    timestamp: now(),
    idTag,
    reason: 'Remote',
  });
  await report('Available');
}

async function reboot() {
  await boot();
  await client.close();
  console.log(`done ${transactionId}`);
  process.exit(0);
}

const special = { RemoteStartTransaction: begin, RemoteStopTransaction: finish, Reset: reboot };

for (const [action, answer] of Object.entries(answers)) {
  client.handle(action, ({ params }) => {
    // After the answer is on its way.
    setImmediate(async () => {
      if (action in followUps) await client.call(...followUps[action]);
      await special[action]?.(params);
    });
    return answer;
  });
}

await client.connect();
await boot();
console.log('booted');
await sleep(LIMIT_MS);
fatal('time', `not done within ${LIMIT_MS} ms`);
