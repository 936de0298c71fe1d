// A client made of Baileys, as a subject of Squall: lines of JSON in and out. See ../README.md.
//
//     node driver.mjs --library baileys-7 --name alice

import { mkdtempSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
	options: {
		library: { type: 'string', default: 'baileys-7' },
		name: { type: 'string', default: 'baileys' },
		store: { type: 'string' },
		'keep-alive': { type: 'string' },
		redial: { type: 'string', default: 'typical' },
	},
})

const begun = performance.now()

function say(event, details = {}) {
	const at = Math.round(performance.now() - begun)
	process.stdout.write(`${JSON.stringify({ event, at, ...details })}\n`)
}

function refuse(why) {
	process.stderr.write(`${why}\n`)
	process.exit(2)
}

function isLoopback(host) {
	return /^127\.\d+\.\d+\.\d+$|^::1$|^localhost$/.test(host)
}

/** The address in this variable, if it is one of this machine's own. */
function loopback(variable) {
	const text = process.env[variable]
	if (text === undefined) return undefined
	const host = new URL(text).hostname.replace(/^\[|\]$/g, '')
	if (!isLoopback(host)) {
		refuse(`${variable}=${text} is not a loopback address; this client must never meet the real service`)
	}
	return text
}

// Nothing that the library might fetch, such as media of a history, leaves this machine.
const connectSocket = Socket.prototype.connect
Socket.prototype.connect = function (...given) {
	const [first, second] = Array.isArray(given[0]) ? given[0] : given
	const host = (typeof first === 'object' ? first.host : second) ?? 'localhost'
	if (typeof host === 'string' && !isLoopback(host)) {
		return this.destroy(new Error(`${host} is not a loopback address`))
	}
	return connectSocket.apply(this, given)
}

const url = loopback('SQUALL_URL') ?? refuse('SQUALL_URL is not set, such as ws://127.0.0.1:8080/ws/chat')
const control = loopback('SQUALL_CONTROL')
const rootKey = process.env.SQUALL_ROOT_KEY
if (!['never', 'typical'].includes(options.redial)) refuse('--redial is never or typical')

// Standard output is for what happens; what the libraries print is not.
console.log = console.info = console.debug = console.error

const baileys = await import(options.library)
const makeWASocket = baileys.makeWASocket ?? baileys.default
// Versions that verify the certificate chain read the root's key here, at each handshake.
if (rootKey !== undefined && baileys.WA_CERT_DETAILS !== undefined) {
	baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
}

const directory = options.store ?? mkdtempSync(join(tmpdir(), 'squall-baileys-'))
const { state: auth, saveCreds } = await baileys.useMultiFileAuthState(directory)
if (options.store === undefined) process.on('exit', () => rmSync(directory, { recursive: true }))

// What the library would log, to standard error.
const logger = {
	level: 'warn',
	child: () => logger,
	trace() {},
	debug() {},
	info() {},
	warn: (...what) => console.error('warn', ...what),
	error: (...what) => console.error('error', ...what),
}

let socket
let dials = 0
let paired = auth.creds.registered || auth.creds.me !== undefined
let isHandoff = false

function connect() {
	dials += 1
	say('dial', { nth: dials })
	isHandoff = false
	const own = makeWASocket({
		...baileys.DEFAULT_CONNECTION_CONFIG,
		waWebSocketUrl: url,
		auth,
		logger,
		// Which account registers is told by its push name; versions before 7 send none by themselves.
		pushName: options.name,
		...(options['keep-alive'] && { keepAliveIntervalMs: Number(options['keep-alive']) }),
		// Versions before 7 know no history that comes within its notification, and would fetch it from the internet.
		shouldSyncHistoryMessage: () => options.library === 'baileys-7',
	})
	socket = own
	own.ev.on('creds.update', saveCreds)
	own.ev.on('connection.update', update => {
		if (socket === own) onConnection(update)
	})
	own.ev.on('messages.upsert', ({ messages }) => messages.forEach(onMessage))
	own.ev.on('messages.update', updates => {
		for (const { key, update } of updates) onStatus(key, update.status)
	})
}

function onConnection({ connection, qr, isNewLogin, lastDisconnect }) {
	if (qr !== undefined) {
		say('qr', { text: qr })
		showToPhone(qr)
	}
	if (isNewLogin) {
		paired = true
		isHandoff = true
		say('paired', { jid: auth.creds.me?.id ?? null })
	}
	if (connection === 'open') {
		say('open', { jid: auth.creds.me?.id ?? null, lid: auth.creds.me?.lid ?? null })
	}
	if (connection === 'close') {
		const error = lastDisconnect?.error
		const code = error?.output?.statusCode ?? null
		say('closed', { code, reason: error?.message ?? null })
		const { loggedOut, restartRequired } = baileys.DisconnectReason
		const again = options.redial === 'typical' ? code !== loggedOut : isHandoff && code === restartRequired
		if (again) connect()
	}
}

/** The QR code is held before the mock phone. */
async function showToPhone(qr) {
	if (control === undefined) return
	try {
		const answer = await fetch(new URL('/admin/mock-phone/scan-qr', control), { method: 'POST', body: qr })
		if (!answer.ok) say('failed', { what: 'scan-qr', why: `${answer.status} ${await answer.text()}` })
	} catch (error) {
		say('failed', { what: 'scan-qr', why: String(error) })
	}
}

function onMessage({ key, message, messageStubType, messageStubParameters, status }) {
	if (key.fromMe) {
		onStatus(key, status)
	} else if (message) {
		const text = message.conversation || message.extendedTextMessage?.text
		if (text) say('message', { id: key.id, from: key.remoteJid, text })
	} else if (messageStubType !== undefined) {
		say('undecryptable', { id: key.id, from: key.remoteJid, why: messageStubParameters?.[0] ?? null })
	}
}

/** Each status is said once, with those before it. */
const told = new Map()
const STATUSES = [[2, 'acknowledged'], [3, 'delivered'], [4, 'read']]
function onStatus({ id, fromMe }, status) {
	if (!fromMe || typeof status !== 'number') return
	for (const [number, event] of STATUSES) {
		if (number <= status && number > (told.get(id) ?? 1)) say(event, { id })
	}
	told.set(id, Math.max(status, told.get(id) ?? 1))
}

const ORDERS = {
	start: () => connect(),
	async send({ to, text }) {
		const jid = to.includes('@') ? to : `${to}@s.whatsapp.net`
		const sent = await socket.sendMessage(jid, { text })
		say('sent', { id: sent.key.id, to })
		onStatus(sent.key, sent.status)
	},
	stop() {
		const last = socket
		// What it still says is no reason to dial.
		socket = undefined
		last?.end(undefined)
		process.exit(0)
	},
}

createInterface({ input: process.stdin }).on('line', async line => {
	try {
		const order = JSON.parse(line)
		if (!Object.hasOwn(ORDERS, order.do)) throw new Error(`no such order: ${order.do}`)
		await ORDERS[order.do](order)
	} catch (error) {
		say('failed', { what: line, why: String(error) })
	}
})

connect()
