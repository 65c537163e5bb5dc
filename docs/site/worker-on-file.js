// A page that is read as a file, without a server, may start no Worker. This one runs the script of the search in a hidden
// frame, so that the site can be searched in a folder.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.messages = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = "<!doctype html><title>search</title>";
      this.frame.addEventListener("load", () => this.start(new URL(url, location.href)), { once: true });
      document.body.append(this.frame);
    }

    start(url) {
      const inner = this.frame.contentWindow;
      inner.postMessage = (data) => setTimeout(() => this.onmessage?.({ data }));
      const script = inner.document.createElement("script");
      script.src = url.href;
      script.addEventListener("load", () => {
        const waiting = this.messages;
        this.messages = null;
        waiting.forEach((data) => this.postMessage(data));
      });
      script.addEventListener("error", () => this.onerror?.(new Event("error")));
      inner.document.body.append(script);
    }

    postMessage(data) {
      if (this.messages) this.messages.push(data);
      else setTimeout(() => this.frame.contentWindow?.onmessage?.({ data }));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
