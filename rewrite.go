package main

import (
	"fmt"

	"gild/config"
	"gild/logs"
	"gild/scripts"
	"gild/server"
	"gild/server/rewrite"
)

// rewriteRules parses the rewrite rules; nil if there are none. The error names the file and each line.
func rewriteRules(c *config.Config) (*rewrite.Rules, error) {
	if c.Rewrite.File == "" {
		return nil, nil
	}
	rules, err := rewrite.Parse(c.Rewrite.File, c.Rewrite.Text)
	if err != nil {
		return nil, fmt.Errorf("--rewrite-rules:\n%w", err)
	}
	if rules.RunsPrograms() && !c.Files.CGI {
		return nil, fmt.Errorf("--rewrite-rules: a rule in %s has files run by H=%s, which needs --with-cgi", c.Rewrite.File, rewrite.CGIScript)
	}
	return rules, nil
}

// rewriting puts the rules into the options of a server.
func (c *child) rewriting(o *server.Options, _ *scripts.Engine) (err error) {
	o.Rewrite, err = rewriteRules(c.config)
	return err
}

// inspectRules complains about rewrite rules before any process gets them.
func inspectRules(c *config.Config) error {
	_, err := rewriteRules(c)
	return err
}

// noteRules logs what is in rewrite rules without effect; inspectRules has found nothing wrong with them.
func (p *planner) noteRules(c *config.Config) error {
	rules, err := rewriteRules(c)
	if rules == nil || err != nil {
		return err
	}
	for _, note := range rules.Notes() {
		logs.Printf(p.log, logs.Warn, "rewrite", "%s", note)
	}
	return nil
}
