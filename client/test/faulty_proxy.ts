import { request as ask, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What becomes of a request. */
export type Fault =
    | { kind: "pass" }
    /** Answered here: the edge never hears of it. */
    | { kind: "answer"; status: number; headers?: Record<string, string>; body?: string }
    /** The connection is reset before the edge hears of it. */
    | { kind: "reset" }
    /** The edge does it, and its answer is lost. */
    | { kind: "lose" }
    /** The edge does it, and half of its answer arrives. */
    | { kind: "cut" }
    /** The edge does it, and its answer comes late. */
    | { kind: "slow"; ms: number; answered?: () => void };

/** A request as the proxy saw it. */
export type Seen = {
    method: string;
    path: string;
    key: string | undefined;
    authorization: string | undefined;
    fault: Fault["kind"];
};

type Answer = { status: number; headers: IncomingMessage["headers"]; body: Buffer };

/** The API's own ways of turning somebody away, which no test could have a healthy edge take. */
export const BUSY: Fault = problem(503, "busy", { retry_after_ms: 40 });
export const TOO_MANY: Fault = problem(429, "too_many_requests", { retry_after_ms: 60 });

/** An answer in the shape of the API's problem documents. */
export function problem(status: number, code: string, more: object = {}): Fault {
    const body = JSON.stringify({ type: `urn:firstcome:problem:${code}`, status, code, ...more });
    return {
        kind: "answer",
        status,
        headers: { "Content-Type": "application/problem+json" },
        body,
    };
}

/** Stands between a client and the real edge, and breaks what it is told to. */
export class FaultyProxy {
    readonly seen: Seen[] = [];
    readonly #edge: URL;
    readonly #server = createServer((request, response) => {
        // One whose client is gone has nobody to answer.
        this.#serve(request, response).catch(() => response.destroy());
    });
    #next: Fault[] = [];
    #otherwise: (method: string) => Fault = () => ({ kind: "pass" });

    private constructor(edge: string) {
        this.#edge = new URL(edge);
    }

    static async start(edge: string): Promise<FaultyProxy> {
        const proxy = new FaultyProxy(edge);
        await new Promise<void>((listening) => proxy.#server.listen(0, "127.0.0.1", listening));
        return proxy;
    }

    get url(): string {
        return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    }

    /** What becomes of the next requests, one after the other; then they pass. */
    next(...faults: Fault[]): this {
        this.#next = faults;
        return this;
    }

    /** What becomes of every request from now on. */
    always(fault: (method: string) => Fault): this {
        this.#otherwise = fault;
        return this;
    }

    end(): void {
        this.#server.closeAllConnections();
        this.#server.close();
    }

    async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { method = "", url = "", headers, socket } = request;
        const fault = this.#next.shift() ?? this.#otherwise(method);
        const key = headers["idempotency-key"] as string | undefined;
        const { authorization } = headers;
        this.seen.push({ method, path: url, key, authorization, fault: fault.kind });
        const body = await whole(request);
        if (fault.kind === "answer") {
            response.writeHead(fault.status, fault.headers).end(fault.body);
        } else if (fault.kind === "reset") {
            reset(socket);
        } else {
            await this.#after(fault, await this.#forward(request, body), response);
        }
    }

    /** The edge has answered. */
    async #after(fault: Fault, answer: Answer, response: ServerResponse): Promise<void> {
        if (fault.kind === "lose") {
            reset(response.socket);
            return;
        }
        if (fault.kind === "slow") {
            fault.answered?.();
            await sleep(fault.ms, undefined, { ref: false });
        }
        response.writeHead(answer.status, answer.headers);
        if (fault.kind === "cut") {
            const half = answer.body.subarray(0, answer.body.length / 2);
            response.write(half, () => reset(response.socket));
            return;
        }
        response.end(answer.body);
    }

    #forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
        const { hostname, port } = this.#edge;
        return new Promise((resolve, reject) => {
            const asked = ask({ hostname, port, method, path: url, headers }, (answer) => {
                const { statusCode: status = 0, headers } = answer;
                whole(answer).then((body) => resolve({ status, headers, body }), reject);
            });
            asked.on("error", reject).end(body);
        });
    }
}

/** Node 20 loses a socket that is reset while it is being ended, and then never exits. */
function reset(socket: Socket | null): void {
    if (socket?.writableEnded) {
        socket.destroy();
    } else {
        socket?.resetAndDestroy();
    }
}

async function whole(stream: AsyncIterable<Buffer>): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of stream) {
        pieces.push(piece);
    }
    return Buffer.concat(pieces);
}
