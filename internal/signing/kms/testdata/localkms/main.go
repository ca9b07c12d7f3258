// Command localkms is a plug-in of the tests: it keeps its keys in files, and the name
// of a key is the path of its file. What it is asked to do wrong it does by the name
// of the file too.
package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

type keeper struct{ signature.SignerVerifier }

func (keeper) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	return nil, errors.New("this key service makes no keys")
}

func (keeper) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.New("not part of the protocol")
}

func (keeper) SupportedAlgorithms() []string { return []string{"any"} }
func (keeper) DefaultAlgorithm() string      { return "any" }

func main() {
	if err := answer(); err != nil {
		fmt.Fprintln(os.Stderr, "localkms:", err)
		os.Exit(1)
	}
}

func answer() error {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		return handler.WriteErrorResponse(os.Stdout, err)
	}
	path := args.InitOptions.KeyResourceID
	switch filepath.Base(path) {
	case "silent":
		return nil
	case "empty":
		return handler.WriteResponse(os.Stdout, &common.PluginResp{})
	case "liar": // its public key is that of another key beside it
		if args.MethodName == common.SignMessageMethodName {
			path = filepath.Join(filepath.Dir(path), "other.key")
		} else {
			path = filepath.Join(filepath.Dir(path), "p256.key")
		}
	}
	key, err := signature.LoadSignerVerifierFromPEMFile(path, args.InitOptions.HashFunc, nil)
	if err != nil {
		return handler.WriteErrorResponse(os.Stdout, err)
	}
	_, err = handler.Dispatch(os.Stdout, os.Stdin, args, keeper{key})
	return err
}
