import { hash } from "node:crypto";
import { fieldError } from "../model/error.ts";

/** Where a list goes on: the values that the last item on the page had in the list's order. */
export type Place = readonly (string | number)[];

/**
 * Makes the token of the page after `place`. `query` is everything that the list depends on: a token holds for that query only.
 * The token is opaque, and checked rather than secret: who makes one up can read nothing that the query would not give anyway.
 */
export function createPageToken(place: Place, query: unknown): string {
  return Buffer.from(JSON.stringify([checksum(place, query), ...place])).toString("base64url");
}

/** The place that a token stands for. Throws `PAGE_TOKEN_INVALID` if it was changed, or made for another query. */
export function parsePageToken(token: string, query: unknown): Place {
  const place = findPlace(token, query);
  if (place === null) throw pageTokenError();
  return place;
}

/** The error for a token that stands for no place of the query. */
export function pageTokenError(): Error {
  return fieldError({
    field: "page_token",
    reason: "PAGE_TOKEN_INVALID",
    message: "must be the next_page_token of a page of the same query",
  });
}

/** The place that a token stands for; null if it was changed, or made for another query. */
export function findPlace(token: string, query: unknown): Place | null {
  const place = decode(token).slice(1);
  return token === createPageToken(place, query) ? place : null;
}

function checksum(place: Place, query: unknown): string {
  return hash("sha256", JSON.stringify([place, query]), "base64url").slice(0, 16);
}

function decode(token: string): Place {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number")
      ? value
      : [];
  } catch {
    // Not one of our tokens: no token stands for nothing with these characters.
    return [];
  }
}
