package server

import (
	"fmt"
	"net/http"
	"strconv"
)

// pageType is the media type of the server's own pages, Apache's.
const pageType = "text/html; charset=iso-8859-1"

// pageTexts are one sentence for the reader of a page, who is a user of the site and no administrator.
var pageTexts = map[int]string{
	http.StatusBadRequest:                  "The browser sent a request that this server could not understand.",
	http.StatusForbidden:                   "You are not allowed to see what is at this address.",
	http.StatusNotFound:                    "There is nothing at this address on this server.",
	http.StatusMethodNotAllowed:            "This method is not allowed for this address.",
	http.StatusRequestTimeout:              "The request took too long to arrive.",
	http.StatusRequestEntityTooLarge:       "The request carries more data than this server accepts.",
	http.StatusRequestURITooLong:           "The address is longer than this server accepts.",
	http.StatusExpectationFailed:           "This server cannot meet the expectation in the Expect header field.",
	http.StatusMisdirectedRequest:          "The browser sent this request to a server that does not know the address. Loading the page again may help.",
	http.StatusTooEarly:                    "The request came before the connection was safe from being replayed. The browser should send it again.",
	http.StatusUpgradeRequired:             "This server wants the request in another protocol, which the Upgrade header field names.",
	http.StatusRequestHeaderFieldsTooLarge: "The header of the request is larger than this server accepts.",
	http.StatusInternalServerError:         "Something went wrong on the server. Its error log has the details.",
	http.StatusNotImplemented:              "This server does not support what the request asks for.",
	http.StatusBadGateway:                  "The application did not answer properly.",
	http.StatusServiceUnavailable:          "The server cannot take this request now. Try again later.",
	http.StatusGatewayTimeout:              "The application did not answer in time.",
	http.StatusHTTPVersionNotSupported:     "This server speaks HTTP/1.0 and HTTP/1.1.",
}

// errorPage is the body of an answer of the server itself. It never shows anything of the application.
func errorPage(status int) []byte {
	text := pageTexts[status]
	if text == "" {
		text = "The request could not be served."
	}
	return page(status, text)
}

// page is a body with one sentence, which is HTML.
func page(status int, text string) []byte {
	title := http.StatusText(status)
	if title == "" {
		title = "Error"
	}
	return fmt.Appendf(nil, "<!DOCTYPE html>\n<html><head>\n<title>%d %s</title>\n</head><body>\n<h1>%s</h1>\n<p>%s</p>\n</body></html>\n",
		status, title, title, text)
}

// sendPage sends the page of status with the header fields set so far.
func (x *Exchange) sendPage(status int) { x.sendBody(status, errorPage(status)) }

// sendText is sendPage with a sentence for this occasion, which is HTML.
func (x *Exchange) sendText(status int, text string) { x.sendBody(status, page(status, text)) }

func (x *Exchange) sendBody(status int, page []byte) {
	x.header["Content-Type"] = []string{pageType}
	x.header["Content-Length"] = []string{strconv.Itoa(len(page))}
	x.WriteHeader(status)
	_, _ = x.Write(page)
}
