// Package rewrite is mod_rewrite's rules in the context of one directory, as --rewrite-rules has them: they look at the address of
// a request and lead it elsewhere, inside the site or by a redirect, refuse it, or set variables.
//
// [Parse] reads RewriteEngine, RewriteBase, RewriteCond, RewriteRule and RewriteOptions. What it does not know is an error, with the line
// and what would be right. [Rules.Apply] runs the rules once. Where the request is led to another address of the site, the
// caller runs them again for that, as httpd does, and bounds how often.
//
// # Differences from httpd
//
// A relative substitution is relative to RewriteBase, or to the URL path of the directory; httpd without RewriteBase would redirect to
// a path of the file system. A question mark divides path and query only where it stands in the substitution itself, not where
// the client has put it into what is inserted. What follows the first component that does not exist (PATH_INFO) is not
// inserted a second time by the next rule (flag DPI is always on), which with flag N never ended. RewriteMap belongs to the context of a server, so there are no maps here.
//
// What is escaped in a query stays as it is in a redirect; httpd escapes the percent signs of a query that a rule has made once more.
//
// Patterns are regular expressions of Go, which never take long. They match characters of UTF-8, where httpd's match bytes. One that
// needs more (lookaround, backreferences) is left to a backtracking matcher, and the request fails if that takes longer than a tenth
// of a second. It fails as well if the address becomes longer than 64 KiB, or if rules with flag N go on for a second.
package rewrite
