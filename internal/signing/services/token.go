package services

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of an identity token. Headers of HTTP servers end at some 64 KiB, and no
// claim is nested deeper than a few levels.
const (
	maxToken      = 64 << 10
	maxTokenDepth = 16
)

// LooksLikeToken tells an identity token, three parts of base64url with dots between
// (RFC 7515 section 3.1), from the name of a file.
func LooksLikeToken(text string) bool {
	return strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2 && !strings.ContainsAny(text, "/\\ \n")
}

// checkToken refuses a token that Fulcio would refuse for sure. It proves nothing:
// Fulcio verifies the token. No error holds any part of it.
func checkToken(token string, now time.Time) error {
	if token == "" {
		return errors.New("reading identity token: there is none")
	}
	if len(token) > maxToken {
		return fmt.Errorf("reading identity token: more than %d bytes", maxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("reading identity token: it is no JSON Web Token (three parts with dots between)")
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || strictjson.Check(claims, strictjson.Limits{Bytes: maxToken, Depth: maxTokenDepth}) != nil {
		return errors.New("reading identity token: its claims are not JSON in base64url")
	}
	var c struct {
		Expires *float64 `json:"exp"` // NumericDate, which may have a fraction (RFC 7519 section 2)
	}
	if json.Unmarshal(claims, &c) != nil || c.Expires == nil {
		return errors.New("reading identity token: it does not say when it expires")
	}
	const maxSeconds = 1 << 40 // farther ahead no time can be written down
	if *c.Expires < 0 || *c.Expires > maxSeconds {
		return errors.New("reading identity token: it expires at no time that can be written down")
	}
	if end := time.Unix(int64(*c.Expires), 0).UTC(); !now.Before(end) {
		return fmt.Errorf("reading identity token: it expired at %s; get a fresh one and sign again", end.Format(time.RFC3339))
	}
	return nil
}

// hidden is err without the token, wherever a service may have repeated it.
func hidden(err error, token string) error {
	if err == nil || token == "" || !strings.Contains(err.Error(), token) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), token, "(identity token)"))
}
