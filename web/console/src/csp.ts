/**
 * Why: the terminal library writes <style> elements and style attributes, which the page's policy stops: styles need the
 * page's nonce, and attributes are not allowed at all. Called once, before the library is loaded.
 * Rules: only our own scripts can get here, and what they may do with styles through the object model is what the policy
 * lets them do anyway; nothing that came from outside is passed on.
 */
let done = false;

/** The nonce of this page's scripts and styles. */
export function pageNonce(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"], meta[property="csp-nonce"]');
  if (meta) return meta.nonce || meta.content;
  return document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";
}

/** Give every new style element the page's nonce, and turn style attributes into properties. */
export function letStylesThrough(): void {
  if (done) return;
  done = true;
  const nonce = pageNonce();
  const create = document.createElement.bind(document);
  document.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = create(name, options);
    if (nonce && element.localName === "style") element.nonce = nonce;
    return element;
  };
  const setAttribute = Element.prototype.setAttribute;
  let setting = false;
  Element.prototype.setAttribute = function (this: Element, name: string, value: string) {
    // A document may keep its style object in the attribute and come back here.
    if (name !== "style" || setting || !(this instanceof HTMLElement)) {
      setAttribute.call(this, name, value);
      return;
    }
    setting = true;
    this.style.cssText = value;
    setting = false;
  };
}
