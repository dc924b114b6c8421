/**
 * Error classes.
 *
 * ```text
 *   MiosaError
 *   ├─ ConfigurationError     invalid client configuration
 *   ├─ ConnectionError        no response, or an incomplete one
 *   │  └─ TimeoutError        … within the time limit
 *   ├─ ApiError               the server refused; `code` says why
 *   │  ├─ BadRequestError 400  AuthenticationError 401  PermissionError 403  NotFoundError 404
 *   │  ├─ ConflictError 409
 *   │  │  ├─ VolumeAttachedError
 *   │  │  └─ VolumeInUseError
 *   │  └─ ValidationError 422  RateLimitError 429  ServerError 5xx
 *   └─ WaitError              a waitUntil… that cannot succeed, or timed out
 * ```
 *
 * An aborted call rejects with its signal's reason, like `fetch`. No error ever contains the API key.
 */

import type { Attachment, Holder } from "./types.js";

/** Stable codes that programs may compare. The server may use others. */
export type ErrorCode =
  | "INVALID_JSON"
  | "MISSING_PARAM"
  | "INVALID_ID"
  | "invalid_token"
  | "insufficient_scope"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "VOLUME_ATTACHED"
  | "VOLUME_IN_USE"
  | "MOUNT_PATH_IN_USE"
  | "VOLUME_HOST_MISMATCH"
  | "VOLUME_NOT_READY"
  | "VOLUME_LIMIT_REACHED"
  | "INSUFFICIENT_CAPACITY"
  | "RESOURCE_STATE"
  | "SERVICE_STATE"
  | "RELEASE_STATE"
  | "MANAGED_BY_SERVICE"
  | "PROJECT_IN_USE"
  | "EXEC_FAILED"
  | "PYTHON_NOT_FOUND"
  | "COMPARISON_TIMEOUT"
  | "NOT_SUPPORTED"
  | "COMPUTER_STARTING"
  | "PROTECTED"
  | "SNAPSHOT_NOT_READY"
  | "SNAPSHOT_IN_USE"
  | "NO_SNAPSHOT_AVAILABLE"
  | "STALL_BUDGET"
  | "WRITE_BACK_TIMEOUT"
  | "HOOK_FAILED"
  | "SNAPSHOT_FAILED"
  | "RESTORE_FAILED"
  | "STALE_SERVICE"
  | "RELEASE_GONE"
  | "IDEMPOTENCY_IN_PROGRESS"
  | "TOO_LARGE"
  | "RANGE_NOT_SATISFIABLE"
  | "VALIDATION_ERROR"
  | "TIMEOUT_TOO_LONG"
  | "IDEMPOTENCY_KEY_REUSED"
  | "rate_limit_exceeded"
  | "INTERNAL_ERROR"
  | "UNAVAILABLE"
  | (string & {});

/** The base class of all errors of this package. */
export class MiosaError extends Error {
  override readonly name: string = "MiosaError";
}

export class ConfigurationError extends MiosaError {
  override readonly name = "ConfigurationError";
}

/** No complete response was received. A call that changes something may still have been carried out. */
export class ConnectionError extends MiosaError {
  override readonly name: string = "ConnectionError";
}

export class TimeoutError extends ConnectionError {
  override readonly name = "TimeoutError";
}

/** The contents of a refusal. */
export interface Refusal {
  status: number;
  code: ErrorCode;
  message: string;
  requestId: string | undefined;
  details: Readonly<Record<string, unknown>>;
  fields: Readonly<Record<string, readonly string[]>>;
  retryable: boolean;
  retryAfter: number | undefined;
}

/** The server refused the call, or failed to carry it out. */
export class ApiError extends MiosaError {
  override readonly name: string = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** Stable, unlike the message. */
  readonly code: ErrorCode;
  /** Identifies this call in the server's log. */
  readonly requestId: string | undefined;
  /** Details specific to the code, for example the holders of a volume. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Invalid fields, in the wire's spelling, each with its problem. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** Whether the same call may succeed shortly. */
  readonly retryable: boolean;
  /** The delay requested by the server, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.status = refusal.status;
    this.code = refusal.code;
    this.requestId = refusal.requestId;
    this.details = refusal.details;
    this.fields = refusal.fields;
    this.retryable = refusal.retryable;
    this.retryAfter = refusal.retryAfter;
  }
}

export class BadRequestError extends ApiError {
  override readonly name = "BadRequestError";
}

export class AuthenticationError extends ApiError {
  override readonly name = "AuthenticationError";
}

export class PermissionError extends ApiError {
  override readonly name = "PermissionError";
}

export class NotFoundError extends ApiError {
  override readonly name = "NotFoundError";

  /** When the object was deleted, if it existed. */
  get deletedAt(): string | undefined {
    const { deleted_at } = this.details;
    return typeof deleted_at === "string" ? deleted_at : undefined;
  }
}

export class ConflictError extends ApiError {
  override readonly name: string = "ConflictError";
}

export class VolumeAttachedError extends ConflictError {
  override readonly name = "VolumeAttachedError";

  /** The attachment that excludes the requested one. */
  get attachment(): Attachment | undefined {
    return this.details["attachment"] as Attachment | undefined;
  }
}

export class VolumeInUseError extends ConflictError {
  override readonly name = "VolumeInUseError";

  /** The processes that hold files open, if that is the reason. */
  get holders(): readonly Holder[] {
    return (this.details["holders"] as Holder[] | undefined) ?? [];
  }
}

export class ValidationError extends ApiError {
  override readonly name = "ValidationError";
}

export class RateLimitError extends ApiError {
  override readonly name = "RateLimitError";
}

export class ServerError extends ApiError {
  override readonly name = "ServerError";
}

/** The awaited state cannot be reached, or was not reached in time. */
export class WaitError<T = unknown> extends MiosaError {
  override readonly name = "WaitError";
  /** The last observed state. */
  readonly object: T;
  /** Whether the wait timed out, so that the state might still be reached. */
  readonly timedOut: boolean;

  constructor(message: string, object: T, timedOut: boolean) {
    super(message);
    this.object = object;
    this.timedOut = timedOut;
  }
}

const BY_CODE: Readonly<Record<string, new (refusal: Refusal) => ApiError>> = {
  VOLUME_ATTACHED: VolumeAttachedError,
  VOLUME_IN_USE: VolumeInUseError,
};

const BY_STATUS: Readonly<Record<number, new (refusal: Refusal) => ApiError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionError,
  404: NotFoundError,
  409: ConflictError,
  422: ValidationError,
  429: RateLimitError,
};

/** Converts an unsuccessful response to an error. `text` is its body, which may come from a proxy. */
export function errorFrom(call: string, response: Response, text: string): ApiError {
  const envelope = asRecord(parsed(text));
  const error = asRecord(envelope["error"]);
  const { status, statusText, headers } = response;
  const code = textOf(error["code"]) ?? textOf(envelope["code"]) ?? `HTTP_${status}`;
  const refusal: Refusal = {
    status,
    code,
    message: textOf(error["message"]) ?? textOf(envelope["message"]) ?? `${call}: ${status} ${statusText}`.trim(),
    requestId: headers.get("x-request-id") ?? textOf(error["request_id"]),
    details: asRecord(error["details"]),
    fields: asRecord(envelope["errors"]) as Record<string, string[]>,
    retryable: error["retryable"] === true,
    retryAfter: secondsOf(headers.get("retry-after")) ?? secondsOf(error["retry_after"]),
  };
  const ErrorClass =
    (Object.hasOwn(BY_CODE, code) && BY_CODE[code]) || BY_STATUS[status] || (status >= 500 ? ServerError : ApiError);
  return new ErrorClass(refusal);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function secondsOf(value: unknown): number | undefined {
  const seconds = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof seconds === "number" && seconds >= 0 ? seconds : undefined;
}
