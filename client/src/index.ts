export { type ClaimOptions, type ClientOptions, Firstcome } from "./client.js";
export type { Fetch } from "./exchange.js";
export type {
    Coupon,
    Listed,
    Listing,
    NotSaid,
    Outcome,
    Progress,
    Refused,
    Resumed,
    Standing,
    Stands,
    Told,
    Unsettled,
} from "./outcome.js";
export { type Budget, DEFAULT_BUDGET } from "./plan.js";
export type { CallOptions } from "./pursue.js";
export type { KeyStore } from "./wishes.js";
