// Verifies messages with npm's mailauth: node dkim_mailauth.js MODULES RECORDS.json MESSAGES
// MESSAGES: the size in decimal, a line feed, the octets; and again. One line out for each message:
// selector=result of every signature.
'use strict';

const fs = require('fs');
const path = require('path');

const [modules, recordsFile, messagesFile] = process.argv.slice(2);
const { dkimVerify } = require(path.join(path.resolve(modules), 'node_modules', 'mailauth', 'lib', 'dkim', 'verify'));
const records = JSON.parse(fs.readFileSync(recordsFile));
const input = fs.readFileSync(messagesFile);

async function resolver(name, type) {
    if (type === 'TXT' && records[name] !== undefined) {
        return [[records[name]]];
    }
    const error = new Error('no such name: ' + name);
    error.code = 'ENOTFOUND';
    throw error;
}

(async () => {
    const lines = [];
    for (let at = 0; at < input.length; ) {
        const end = input.indexOf(10, at);
        const size = Number(input.toString('latin1', at, end));
        const message = input.subarray(end + 1, end + 1 + size);
        const { results } = await dkimVerify(message, { resolver });
        lines.push(results.filter((r) => r.signingDomain).map((r) => `${r.selector}=${r.status.result}`).join(' '));
        at = end + 1 + size;
    }
    fs.writeSync(1, lines.map((line) => line + '\n').join(''));
})();
