package config

// responses finds out whether HEAD becomes GET. Applications may leave a body out for HEAD and its length with it; then the header
// could not say what it says of GET once the body is compressed (S34).
func (r *request) responses() {
	r.Responses.HEADToGET = r.mapHead == "ON" || r.mapHead == "AUTO" && r.Responses.Compress
	if r.withPython() {
		return
	}
	for _, option := range []string{"--map-head-to-get", "--error-override"} {
		if r.given[option] {
			r.warn(option, "without effect, because there is no application")
		}
	}
	r.Responses.HEADToGET, r.Responses.ErrorOverride = false, false
}
