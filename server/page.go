package server

import (
	"fmt"
	"net/http"
	"strconv"

	"gild/server/pagestyle"
)

// pageType is the media type of the server's own pages, Apache's.
const pageType = "text/html; charset=iso-8859-1"

// pageTexts are one sentence for the reader of a page, who is a user of the site and no administrator.
var pageTexts = map[int]string{
	http.StatusBadRequest:                   "The browser sent a request that this server could not understand.",
	http.StatusUnauthorized:                 "This address needs a user name and a password that are known here.",
	http.StatusForbidden:                    "You are not allowed to see what is at this address.",
	http.StatusNotFound:                     "There is nothing at this address on this server.",
	http.StatusMethodNotAllowed:             "This method is not allowed for this address.",
	http.StatusNotAcceptable:                "What is at this address cannot be had in a form that the browser accepts.",
	http.StatusRequestTimeout:               "The request took too long to arrive.",
	http.StatusConflict:                     "The request does not fit to what is at this address now.",
	http.StatusGone:                         "What was at this address is gone for good.",
	http.StatusLengthRequired:               "The request has to say how long it is.",
	http.StatusPreconditionFailed:           "What is at this address has changed, or is not what the browser expects there.",
	http.StatusRequestEntityTooLarge:        "The request carries more data than this server accepts.",
	http.StatusRequestURITooLong:            "The address is longer than this server accepts.",
	http.StatusUnsupportedMediaType:         "This address does not take data of that type.",
	http.StatusRequestedRangeNotSatisfiable: "The file at this address does not have the part that the browser asked for.",
	http.StatusExpectationFailed:            "This server cannot meet the expectation in the Expect header field.",
	http.StatusMisdirectedRequest:           "The browser sent this request to a server that does not know the address. Loading the page again may help.",
	http.StatusTooEarly:                     "The request came before the connection was safe from being replayed. The browser should send it again.",
	http.StatusUpgradeRequired:              "This server wants the request in another protocol, which the Upgrade header field names.",
	http.StatusTooManyRequests:              "There were too many requests in a short time. Try again later.",
	http.StatusRequestHeaderFieldsTooLarge:  "The header of the request is larger than this server accepts.",
	http.StatusInternalServerError:          "Something went wrong on the server. Its error log has the details.",
	http.StatusNotImplemented:               "This server does not support what the request asks for.",
	http.StatusBadGateway:                   "The application did not answer properly.",
	http.StatusServiceUnavailable:           "The server cannot take this request now. Try again later.",
	http.StatusGatewayTimeout:               "The application did not answer in time.",
	http.StatusHTTPVersionNotSupported:      "This server speaks HTTP/1.0 and HTTP/1.1.",
}

// errorPage is the body of an answer of the server itself. It never shows anything of the application. The id is that of the request,
// "" if it has none: a user who quotes it helps to find the lines of the logs.
func errorPage(status int, id string) []byte {
	text := pageTexts[status]
	if text == "" {
		text = "The request could not be served."
	}
	return page(status, text, id)
}

// page is a body with one sentence, which is HTML.
func page(status int, text, id string) []byte {
	title := http.StatusText(status)
	if title == "" {
		title = "Error"
	}
	if id != "" {
		id = "<footer>Request ID <code>" + id + "</code></footer>\n"
	}
	return fmt.Appendf(nil, "%s<p class=\"code\">%d</p>\n<h1>%s</h1>\n<p>%s</p>\n%s%s",
		pagestyle.Begin(fmt.Sprintf("%d %s", status, title)), status, title, text, id, pagestyle.End)
}

// sendPage answers with the error document for a status, or with the server's own page and the header fields set so far.
func (x *Exchange) sendPage(status int) {
	if !x.documents(status) {
		x.sendBody(status, errorPage(status, x.ID()))
	}
}

// sendText is sendPage with a sentence for this occasion, which is HTML.
func (x *Exchange) sendText(status int, text string) {
	if !x.documents(status) {
		x.sendBody(status, page(status, text, x.ID()))
	}
}

func (x *Exchange) sendBody(status int, page []byte) {
	x.header["Content-Type"] = []string{pageType}
	x.header["Content-Length"] = []string{strconv.Itoa(len(page))}
	x.WriteHeader(status)
	_, _ = x.Write(page)
}
