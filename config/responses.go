package config

// Responses says what becomes of responses on their way to the client.
type Responses struct {
	Compress       bool            // text is compressed for clients that can take that
	ErrorDocuments []ErrorDocument // pages in the place of the server's own
	ErrorOverride  bool            // error responses of the application are replaced by such pages, too
	HEADToGET      bool            // the application sees GET for HEAD (S34)
}

// ErrorDocument is a page for a status. Each status has one at most.
type ErrorDocument struct {
	Status  int    // 400..599
	URLPath string // of the site itself, escaped; begins with a slash and may have a query
}
