// Package compress answers one question: how is the body of a response made smaller on its way to a client that can take that?
//
// [Pool] lends encoders of zstd (RFC 8878), gzip (RFC 1952) and Brotli (RFC 7932). [Eligible] says which responses they are for,
// [Offers] in which order they are offered to a client that has no preference. An entity tag must differ from that of the response
// as it was: [Weaken] and [Restore].
//
// A page that shows a secret and, beside it, what an attacker may choose, tells about the secret by its compressed length (the
// BREACH attack, CVE-2013-3587). Frameworks mask their tokens against that; an application that does not should set Content-Encoding
// identity or "Cache-Control: no-transform" for such pages, which leaves them as they are.
package compress
