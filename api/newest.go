package api

import (
	"net/http"
	"strconv"

	"github.com/bsvsync/bsv/node"
)

// newestHeader tells the number of the newest event when an answer began, so
// that who shows events knows when it has seen all of an operation's.
const newestHeader = "Bsv-Newest-Event"

func tellNewest(n *node.Node, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&newest{ResponseWriter: w, n: n}, r)
	})
}

// newest adds the header to an answer.
type newest struct {
	http.ResponseWriter
	n    *node.Node
	told bool
}

func (w *newest) WriteHeader(status int) {
	if !w.told {
		w.told = true
		w.Header().Set(newestHeader, strconv.FormatUint(w.n.Bus.Seq(), 10))
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *newest) Write(b []byte) (int, error) {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *newest) Unwrap() http.ResponseWriter { return w.ResponseWriter }
